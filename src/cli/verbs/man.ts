/** `man`. */
import { VERSION } from '../../core/version.js'
import { manPage } from '../man-page.js'
import { type AddVerbs, examples } from '../verb.js'

export const addMan: AddVerbs = ({ root, terminal: { out } }) => {
  const man = root.command('man').description('the manual page of this command, for man(1)')
  examples(man, [
    ['tsoverlay man | man -l -', 'read it'],
    ['tsoverlay man > /usr/local/share/man/man1/tsoverlay.1', 'so that man tsoverlay shows it'],
  ]).action(() => out(manPage(root, VERSION)))
}
