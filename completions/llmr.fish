complete --keep-order --exclusive --command llmr --arguments "(LLMR_COMPLETE=fish llmr -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
