/** Installs build/plugin on every host of the lab that is up: the second half of `make lab-up`. */
import { Lab } from './lab.js'
import { installEverywhere, PLUGIN } from './tsoverlay.js'

const lab = Lab.attach()
await installEverywhere(lab, { NETWORK_SYNC: 'on' })
process.stdout.write(`${PLUGIN} is enabled on all hosts, with STORE=${lab.etcd.endpoint}\n`)
process.stdout.write('next: make lab-sh H=1, and there:\n')
process.stdout.write(
  '  docker network create -d tsoverlay --ipam-driver tsoverlay --subnet 10.20.0.0/16 blue   # once, on any host\n',
)
process.stdout.write('  docker run -it --rm --net blue lab\n')
