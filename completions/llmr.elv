
set edit:completion:arg-completer[llmr] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) LLMR_COMPLETE="elvish" llmr -- $@words) | to-lines
}

