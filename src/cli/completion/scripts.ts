/**
 * What a shell reads to complete: it asks `tsoverlay __complete` with the words up to the cursor, and
 * gets a candidate a line with a note after a tab, or `:files`.
 */

export const FILES = ':files'

/**
 * COMP_WORDS is not used: bash cuts words at `:` and `=`, which names have, and replaces only what is
 * behind the last of them.
 */
const BASH = `# tsoverlay completion bash
_tsoverlay() {
  local line="\${COMP_LINE:0:COMP_POINT}" current prefix
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current="\${words[\${#words[@]}-1]}"
  mapfile -t COMPREPLY < <(tsoverlay __complete -- "\${words[@]:1}" 2>/dev/null | cut -f1)
  if [[ \${COMPREPLY[0]} == ${FILES} ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  prefix="\${current%"\${current##*[:=]}"}"
  COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
}
complete -F _tsoverlay tsoverlay
`

const ZSH = `#compdef tsoverlay
_tsoverlay() {
  local line tab=$'\\t'
  local -a found
  for line in "\${(@f)$(tsoverlay __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ${FILES} ]]; then
      _files
      return
    fi
    [[ -n $line ]] && found+=("\${\${line%%$tab*}//:/\\\\:}:\${line#*$tab}")
  done
  _describe tsoverlay found
}
compdef _tsoverlay tsoverlay
`

const FISH = `# tsoverlay completion fish
function __tsoverlay_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l found (tsoverlay __complete -- $words[2..-1] "$current" 2>/dev/null)
  if test "$found[1]" = '${FILES}'
    __fish_complete_path "$current"
  else
    string join -- \\n $found
  end
end
complete -c tsoverlay -f -a '(__tsoverlay_complete)'
`

export const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const
export type Shell = keyof typeof SCRIPTS
