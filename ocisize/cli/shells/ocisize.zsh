#compdef ocisize
# Completion of ocisize in zsh. Load it in ~/.zshrc, behind compinit: source <(ocisize completion zsh)
_ocisize() {
    local -a lines names shown open_names open_shown
    local line name about behind
    lines=("${(@f)$(command ocisize __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for line in "${(@)lines[2,-1]}"; do
        name=${line%%$'\t'*} about=${line#*$'\t'}
        [[ -n $name ]] || continue
        if [[ $name == *[/:=,] ]]; then # another part follows, without a blank
            open_names+=("$name") open_shown+=("$name${about:+  -- $about}")
        else
            names+=("$name") shown+=("$name${about:+  -- $about}")
        fi
    done
    compadd -l -d shown -a names
    compadd -S '' -l -d open_shown -a open_names
    if [[ $lines[1] == files* ]]; then
        behind=${${lines[1]#files}# }
        if [[ -n $behind ]]; then
            IPREFIX+=$behind
            PREFIX=${PREFIX#"$behind"}
        fi
        _files
    fi
    return 0
}
if [[ $funcstack[1] == _ocisize ]]; then
    _ocisize "$@"
else
    compdef _ocisize ocisize
fi
