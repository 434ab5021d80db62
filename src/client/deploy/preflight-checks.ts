/**
 * What `deploy check` looks at, in the words that `doctor --explain` shows as well.
 */
export const preflightChecks = [
  {
    id: "deploy-secrets",
    title: "The secrets are there",
    why: "Without one of them the gateway does not start; who reads them can log in as anybody.",
    next: "Fill in .env, then: chmod 600 .env",
  },
  {
    id: "deploy-rights",
    title: "You may install there",
    why: "Units and files below /etc are root's, and nobody can type a password in between.",
    next: "Log in as root, or as somebody with NOPASSWD in sudoers.",
  },
  {
    id: "deploy-systemd",
    title: "systemd is there",
    why: "It starts the gateway and Traefik, confines them, and starts them again.",
    next: "Choose a host with systemd, or: mcp-gateway init --target compose",
  },
  {
    id: "deploy-node",
    title: "Node is new enough",
    why: "The gateway does not start under a Node before 20.19.",
    next: "Install Node 20.19 or newer for everybody on the host.",
  },
  {
    id: "deploy-programs",
    title: "The programs are there",
    why: "The units start mcp-gateway and traefik by name.",
    next: "README.md of the deployment says how to install them.",
  },
  {
    id: "deploy-disk",
    title: "There is room on the disk",
    why: "A full disk stops logins: tokens must be on disk before anybody gets them.",
    next: "Free at least 1 GiB.",
  },
  {
    id: "deploy-clock",
    title: "The clock is right",
    why: "Tokens of others are refused, and certificates are not valid yet, where the clock is wrong.",
    next: "Turn on time synchronisation there: sudo timedatectl set-ntp true",
  },
  {
    id: "deploy-dns",
    title: "The domain points to the host",
    why: "People, and who issues certificates, go where A and AAAA say; one stale AAAA fails for some of them only.",
    next: "Point A and AAAA to the host and remove others; behind a router or load balancer this is as it should be.",
  },
  {
    id: "deploy-ports",
    title: "Ports 80 and 443 can be reached",
    why: "Certificates are issued over port 80 or 443, and clients come through 443.",
    next: "Open both in the firewall of the host and of its provider.",
  },
] as const;
