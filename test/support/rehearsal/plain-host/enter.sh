#!/bin/sh
# A plain Linux host for one deployment: what it writes below /etc, /var and /opt stays in $1, and it has no systemd but one
# program that starts what units say. Runs until it is ended.
# Arguments: folder for all that, Node, folder of mcp-gateway's package, Traefik, PEM file of an authority that it trusts.
set -eu
place=$1 node=$2 package=$3 traefik=$4 authority=$5
here=$(cd "$(dirname "$0")" && pwd)
hosts=$(cat /etc/hosts)
for folder in etc var opt; do
  mkdir -p "$place/$folder" "$place/work-$folder"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$place/$folder,workdir=$place/work-$folder" "/$folder"
done
# The overlay shows the hosts of the machine.
printf '%s\n' "$hosts" >/etc/hosts
cat "$authority" >>/etc/ssl/certs/ca-certificates.crt
mkdir -p /opt/mcp-gateway /opt/bin
# As npm install --global leaves it, for everybody to run.
mount --bind "$package" /opt/mcp-gateway
printf '#!/bin/sh\nexec %s /opt/mcp-gateway/bin/run.js "$@"\n' "$node" >/opt/bin/mcp-gateway
cp "$traefik" /opt/bin/traefik
cp "$here/systemctl.sh" /opt/bin/systemctl
chmod 755 /opt/bin/*
echo "the host is up"
exec sleep infinity
