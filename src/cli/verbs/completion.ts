/** `completion`, and the hidden `__complete` that its scripts call. */
import { namesOf } from '../completion/names.js'
import { FILES, SCRIPTS, type Shell } from '../completion/scripts.js'
import { wantedAt } from '../completion/wanted.js'
import { type AddVerbs, Argument, clientOf, examples } from '../verb.js'

/** Who presses the tab key waits. */
const SILENCE_MS = 1_000

export const addCompletion: AddVerbs = ({ root, terminal: { out } }) => {
  const completion = root
    .command('completion')
    .description('what makes a shell complete verbs, options and names')
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
  examples(completion, [
    ['eval "$(tsoverlay completion bash)"', 'in ~/.bashrc'],
    ['eval "$(tsoverlay completion zsh)"', 'in ~/.zshrc, after compinit'],
    ['tsoverlay completion fish | source', 'in ~/.config/fish/config.fish'],
  ]).action((wanted: Shell) => out(SCRIPTS[wanted]))

  root
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[], _flags, own) => {
      const { candidates, kind } = wantedAt(root, words)
      if (kind === 'file') return out(`${FILES}\n`)
      const client = clientOf(own, { patienceMs: 0, silenceMs: SILENCE_MS })
      const names = kind === undefined ? [] : await namesOf(kind, client)
      const typed = words.at(-1) ?? ''
      const lines = [...candidates, ...names]
        .filter(({ value }) => value.startsWith(typed))
        .map(({ value, note }) => `${value}\t${note}\n`)
      out(lines.join(''))
    })
}
