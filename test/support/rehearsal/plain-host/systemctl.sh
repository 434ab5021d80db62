#!/bin/sh
# In the place of systemctl: restart starts what a unit says, as its user, in its folder, with its environment and its
# capability for low ports; everything else is done already.
set -eu
[ "$1" = restart ] || exit 0
shift
for unit; do
  file=/etc/systemd/system/$unit.service
  of() { sed -n "s/^$1=//p" "$file"; }
  user=$(of User)
  [ ! -e "/var/run-$unit.pid" ] || kill "$(cat "/var/run-$unit.pid")"
  for name in $(of StateDirectory); do
    install -d -o "$user" -g "$user" -m "$(of StateDirectoryMode)" "/var/lib/$name"
  done
  for name in $(of CacheDirectory); do install -d -o "$user" -g "$user" "/var/cache/$name"; done
  capability=-all
  [ -z "$(of AmbientCapabilities)" ] || capability=+net_bind_service
  (
    set -a
    for variables in $(of EnvironmentFile); do . "$variables"; done
    for variable in $(of Environment); do export "${variable?}"; done
    set +a
    umask "$(of UMask)"
    cd "$(of WorkingDirectory | grep . || echo /)"
    exec setpriv --reuid="$user" --regid="$user" --init-groups \
      --inh-caps="$capability" --ambient-caps="$capability" $(of ExecStart)
  ) >"/var/log/$unit.log" 2>&1 </dev/null &
  echo $! >"/var/run-$unit.pid"
done
