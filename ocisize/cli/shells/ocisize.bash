# Completion of ocisize in bash. Load it in ~/.bashrc: source <(ocisize completion bash)
_ocisize() {
    # Bash splits words at = and :, which belong to references and to -f NAME=FILE. Join the parts without a blank between.
    local rest=${COMP_LINE:0:COMP_POINT} words=() word blank i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${rest%%[![:space:]]*}
        rest=${rest#"$blank"}
        word=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then word=$rest; fi
        rest=${rest#"$word"}
        if ((i == 1)) || [[ $i -gt 1 && -n $blank ]]; then
            words+=("$word")
        elif ((i > 1)); then
            words[${#words[@]} - 1]+=$word
        fi
    done

    # Bash replaces only what follows the last of these characters.
    local current=${words[${#words[@]} - 1]} marks= kept= line file behind
    if [[ $COMP_WORDBREAKS == *:* ]]; then marks+=:; fi
    if [[ $COMP_WORDBREAKS == *=* ]]; then marks+==; fi
    if [[ -n $marks && $current == *[$marks]* ]]; then kept=${current%"${current##*[$marks]}"}; fi

    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("${line#"$kept"}")
    done < <(
        command ocisize __complete "${words[@]}" 2>/dev/null | {
            IFS= read -r behind
            cut -f 1
            if [[ $behind == files* ]]; then
                behind=${behind#files}
                behind=${behind# }
                compgen -f -- "${current#"$behind"}" | while IFS= read -r file; do
                    if [[ -d ${file/#\~/$HOME} ]]; then file+=/; fi
                    if [[ $file == *[[:space:]\&\;\|\<\>\(\)\'\"\\\$\`]* ]]; then printf -v file %q "$file"; fi
                    printf '%s\n' "$behind$file"
                done
            fi
        }
    )
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:=,] ]]; then compopt -o nospace; fi
}
complete -F _ocisize ocisize
