export interface Recipe {
  key: string;
  title: string;
  steps: string[];
  note?: string;
}

export const en = {
  title: 'Setup guide',
  about: 'How devices come to ask this server. Once in the router is enough for all of them.',
  address: 'Address of this server',
  addressOnly: 'Enter this address as the only DNS server. A second one “for safety” would be asked past this server.',
  noAddress: '(this machine’s address in your network)',
  copy: (text: string) => `Copy ${text}`,
  copied: 'Copied.',
  loopback: 'It listens for this machine alone, so no other device reaches it yet. Start it with --listen 0.0.0.0 (or server.listen in the configuration file), on port 53; with make: make run LISTEN=0.0.0.0 PORT=53 WEB=0.0.0.0:8080.',
  port: (port: number) => `It answers on port ${port}. Routers and most devices only know port 53: start it with --port 53, or forward port 53 to it.`,
  ipv6: 'IPv6',
  ipv6Text: 'Many routers also announce their own DNS server over IPv6. Enter this server’s IPv6 address there, too, or switch that announcement off; else some queries go past it.',
  routers: 'In the router, for everybody',
  systems: 'On one device',
  browsers: 'Browsers',
  routerList: [
    { key: 'fritz', title: 'FRITZ!Box', steps: ['Open http://fritz.box and log in.', 'Home Network › Network › Network Settings › further settings › IPv4 Settings.', 'Under “Local DNS server”, enter {address} and save.', 'On the same page, IPv6 Settings: enter the IPv6 address as the local DNSv6 server, if there is one.'] },
    { key: 'openwrt', title: 'OpenWrt', steps: ['Network › Interfaces › LAN › Edit › DHCP Server › Advanced Settings.', 'Add the DHCP option 6,{address}.', 'Save & Apply.'], note: 'On the command line: uci add_list dhcp.lan.dhcp_option="6,{address}" && uci commit dhcp && service dnsmasq restart' },
    { key: 'unifi', title: 'UniFi', steps: ['Settings › Networks › your network.', 'Under DHCP, switch “DNS Server” from Auto to manual.', 'Enter {address} alone and apply.'] },
    { key: 'mikrotik', title: 'MikroTik', steps: ['IP › DHCP Server › Networks › your network.', 'Set DNS Servers to {address}.'], note: '/ip dhcp-server network set 0 dns-server={address}' },
    { key: 'opnsense', title: 'OPNsense, pfSense', steps: ['Services › DHCPv4 (or Kea DHCP) › LAN.', 'Enter {address} as the DNS server and save.', 'Services › Router Advertisements: the same for IPv6.'] },
    { key: 'asus', title: 'ASUS', steps: ['LAN › DHCP Server.', 'Enter {address} as DNS Server 1, leave the second empty, and switch “Advertise router’s IP in addition” off.', 'Apply.'] },
    { key: 'tplink', title: 'TP-Link', steps: ['Advanced › Network › DHCP Server (on some models: LAN).', 'Enter {address} as Primary DNS, and nothing as Secondary DNS.', 'Save.'] },
    { key: 'netgear', title: 'Netgear', steps: ['Usually under Internet › Domain Name Server (DNS) Address.', 'Use these DNS servers: {address}.', 'Apply.'], note: 'Many models give devices their own address and ask this server themselves; all queries then seem to come from the router.' },
    { key: 'speedport', title: 'Speedport', steps: ['Most models always give devices their own address as the DNS server, and have no setting for it.', 'Then enter {address} on each device, or let another DHCP server in your network give it; the Speedport’s own DHCP server has to be off for that.'] },
    { key: 'generic', title: 'Another router', steps: ['Look for DHCP, often under LAN or Network.', 'Enter {address} as DNS server for devices; leave a second one empty.', 'Let the devices join the network again.'] },
    { key: 'noway', title: 'A router that can’t', steps: ['Some routers of internet providers have no such setting.', 'Switch their DHCP server off and use another one, or enter the address on each device.'] },
  ] as Recipe[],
  systemList: [
    { key: 'windows', title: 'Windows 11', steps: ['Settings › Network & internet › Wi-Fi or Ethernet › the network’s properties.', 'DNS server assignment › Edit › Manual › IPv4 on.', 'Preferred DNS: {address}; DNS over HTTPS: Off. Save.'] },
    { key: 'macos', title: 'macOS', steps: ['System Settings › Network › your connection › Details… › DNS.', 'Add {address} with +, remove the others, OK.'] },
    { key: 'ios', title: 'iPhone, iPad', steps: ['Settings › Wi-Fi › the ⓘ beside your network › Configure DNS.', 'Manual, remove what is there, add {address}, Save.', 'iCloud Private Relay goes past this server; it can be switched off for this network.'] },
    { key: 'android', title: 'Android', steps: ['Settings › Network & internet › Internet › the network › Edit › IP settings: Static.', 'DNS 1: {address}. Save.', 'Settings › Network & internet › Private DNS: Off or Automatic. A named provider goes past this server.'] },
    { key: 'linux', title: 'Linux', steps: ['With NetworkManager: nmcli connection modify NAME ipv4.dns {address} ipv4.ignore-auto-dns yes && nmcli connection up NAME', 'With systemd-resolved: DNS={address} and Domains=~. in /etc/systemd/resolved.conf, then systemctl restart systemd-resolved'] },
    { key: 'chromeos', title: 'ChromeOS', steps: ['Settings › Network › your network › Network › Name servers.', 'Custom name servers: {address}.', 'Security: “Use secure DNS” off, or with the current provider.'] },
    { key: 'tv', title: 'TVs, consoles, sticks', steps: ['In the network settings, choose the manual or expert way.', 'Leave the address as it was, and enter {address} as DNS.'], note: 'Some ask a resolver that is built in, whatever you enter; only the router’s firewall keeps them from it.' },
  ] as Recipe[],
  browserList: [
    { key: 'firefox', title: 'Firefox', steps: ['Settings › Privacy & Security › DNS over HTTPS: Off or Default Protection.', 'Default Protection stays off by itself here, as this server answers the name use-application-dns.net that Firefox asks for this.'] },
    { key: 'chrome', title: 'Chrome, Edge, Brave', steps: ['Settings › Privacy and security › Security › Use secure DNS: off, or “OS default”.'] },
  ] as Recipe[],
  check: 'Does it work?',
  checkText: 'Open a page on the device, or ask for a name there. The first query from it turns this green.',
  from: 'From',
  any: 'any device',
  only: 'one address',
  onlyAddress: 'Address of the device',
  waiting: 'Waiting for a query…',
  seen: (client: string, name: string) => `${client} asked for ${name}. It uses this server.`,
  blockedToo: (name: string) => `${name} was blocked for it: the protection works.`,
  notYetBlocked: 'Now ask for a name that is blocked, such as the second command below.',
  again: 'Check another device',
  commands: 'Commands to try on the device',
  late: 'Nothing has come yet. Usual causes:',
  causes: [
    'The device still has the old settings: switch its network off and on, or restart it.',
    'It uses encrypted DNS of its own (Private DNS, secure DNS, a VPN).',
    'A firewall on this machine drops port {port} (UDP and TCP).',
    'The device is in another network, such as a guest network, or asks the router’s IPv6 address.',
  ],
};

export type Words = typeof en;
