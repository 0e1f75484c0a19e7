/** What dockerd has in iptables, of both families. */
import { run } from './kernel.js'

/** Both of iptables' families, as dockerd speaks to them. */
export function tables(...words: readonly string[]): void {
  for (const command of ['iptables', 'ip6tables']) run(command, ...words.join(' ').split(' '))
}

/** What dockerd 26 makes (setup_ip_forwarding.go, firewall_linux.go). */
export function startDocker(): void {
  tables('-P FORWARD DROP')
  tables('-N DOCKER-USER')
  tables('-A DOCKER-USER -j RETURN')
  tables('-I FORWARD -j DOCKER-USER')
}
