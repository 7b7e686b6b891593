# Completion of ocisize in fish. Load it: ocisize completion fish > ~/.config/fish/completions/ocisize.fish
function __ocisize_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer (command ocisize __complete $words[2..-1] "$current" 2>/dev/null)
    set -q answer[2]; and printf '%s\n' $answer[2..-1]
    if string match -q 'files*' -- "$answer[1]"
        set -l behind (string replace -r '^files ?' '' -- $answer[1])
        set -l start (math (string length -- "$behind") + 1)
        for file in (__fish_complete_path (string sub -s $start -- "$current"))
            printf '%s\n' "$behind$file"
        end
    end
end
complete -c ocisize -f -a '(__ocisize_complete)'
