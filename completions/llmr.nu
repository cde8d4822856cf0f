module completions {

  def "nu-complete names models" [] {
    with-env { LLMR_COMPLETE: powershell } { ^llmr -- llmr ask --model "" } | lines | each { split row "\t" | first }
  }

  def "nu-complete names providers" [] {
    with-env { LLMR_COMPLETE: powershell } { ^llmr -- llmr ask --provider "" } | lines | each { split row "\t" | first }
  }

  def "nu-complete names conversations" [] {
    with-env { LLMR_COMPLETE: powershell } { ^llmr -- llmr ask --session "" } | lines | each { split row "\t" | first }
  }

  def "nu-complete names templates" [] {
    with-env { LLMR_COMPLETE: powershell } { ^llmr -- llmr ask --template "" } | lines | each { split row "\t" | first }
  }

  def "nu-complete names profiles" [] {
    with-env { LLMR_COMPLETE: powershell } { ^llmr -- llmr --profile "" } | lines | each { split row "\t" | first }
  }

  def "nu-complete names requests" [] {
    with-env { LLMR_COMPLETE: powershell } { ^llmr -- llmr log show "" } | lines | each { split row "\t" | first }
  }

  def "nu-complete llmr color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr profile" [] {
    nu-complete names profiles
  }

  def "nu-complete llmr model" [] {
    nu-complete names models
  }

  def "nu-complete llmr providers" [] {
    nu-complete names providers
  }

  def "nu-complete llmr tier" [] {
    [ "fast" "balanced" "advanced" "premium" "auto" ]
  }

  def "nu-complete llmr fallbacks" [] {
    nu-complete names models
  }

  def "nu-complete llmr strategy" [] {
    [ "weighted" "cheapest" "fastest" "reliable" "priority" "round-robin" "balanced" ]
  }

  def "nu-complete llmr template" [] {
    nu-complete names templates
  }

  def "nu-complete llmr effort" [] {
    [ "none" "low" "medium" "high" "max" ]
  }

  def "nu-complete llmr mode" [] {
    [ "production" "dry-run" "shadow" ]
  }

  def "nu-complete llmr strategy_long" [] {
    [ "auto" "retrieve" "map-reduce" "refine" ]
  }

  def "nu-complete llmr session" [] {
    nu-complete names conversations
  }

  def "nu-complete llmr output_format" [] {
    [ "text" "json" "stream-json" ]
  }

  # A command-line LLM router: the best of many providers, inside a daily budget that holds
  export extern llmr [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --model(-m): string@"nu-complete llmr model" # This model only: MODEL, PROVIDER/MODEL or an alias of the config
    --provider(-p): string@"nu-complete llmr providers" # Only this provider (may be repeated)
    --tier: string@"nu-complete llmr tier" # No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    --min-quality: string     # With --tier auto: the chance of success that a tier must have, 0 to 1
    --meta: string            # Something known of the request, for the rules of `[tiers]` (may be repeated)
    --cascade                 # Ask two cheap models first, and one of --tier (premium) only where they do not agree: for short answers
    --hedge                   # Ask a second one when the first byte is late, and keep who is faster (LLMR_HEDGE_DAILY_USD bounds the cost)
    --fallback: string@"nu-complete llmr fallbacks" # Ask this model when the first one fails (may be repeated, in order)
    --strategy: string@"nu-complete llmr strategy" # How candidates are put in order
    --weights: string         # Weights of cost, latency and quality [default: 0.4,0.3,0.3]
    --system(-s): string      # System prompt
    --file(-f): path          # Put files in front of the prompt: a path, a pattern such as 'src/*.rs', `-` for standard input (may be repeated)
    --image(-i): path         # Show a picture to the model: PNG, JPEG, GIF or WebP; a path, a pattern, `-` for standard input (may be repeated)
    --template(-T): string@"nu-complete llmr template" # Use this template (see `llmr template`)
    --var: string             # Fill in a variable of the template (may be repeated)
    --no-stdin                # Do not read standard input
    --temperature(-t): string # Sampling temperature, 0 to 2
    --top-p: string           # Nucleus sampling, 0 to 1
    --max-tokens: string      # The longest answer, in tokens, thinking included
    --stop: string            # Stop at this text (may be repeated)
    --effort: string@"nu-complete llmr effort" # How hard a reasoning model thinks
    --option(-o): string      # Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    --schema: path            # The answer is JSON that fits this JSON Schema, else exit code 5
    --max-cost: string        # The most that all attempts together may cost, in USD
    --timeout: string         # Time limit of the whole request, in seconds
    --max-retries: string     # Retries on one candidate
    --allow-unpriced          # Ask models without a known price although a budget is set
    --no-cache                # Neither read nor write the cache
    --refresh                 # Do not read the cache, but write it
    --parallel: string        # Ask so many candidates side by side and keep the best whole answer (each is paid for)
    --race                    # With --parallel: keep the first whole answer and cancel the others
    --mode: string@"nu-complete llmr mode" # production answers; dry-run says what it would do; shadow also records what the other strategies would have done
    --dry-run                 # The same as the dry-run command
    --strategy-long: string@"nu-complete llmr strategy_long" # How texts are read that are too long for one call
    --read-tokens: string     # Tokens of the texts that one call reads at most [default: 24000]
    --rerank: string          # With retrieve: the best passages get a second look by vectors, of this model (see `llmr embed`)
    --yes                     # Go on with the plan for texts that are too long without being asked
    --resume                  # Go on with the last reading of long texts that was stopped
    --continue(-c)            # Go on with the last conversation
    --session: string@"nu-complete llmr session" # Go on with the conversation of this name, or begin it
    --extract(-x)             # Print the first code block of the answer alone
    --stream                  # Stream the answer, also into a pipe
    --no-stream               # Ask the provider for a whole answer
    --output-format: string@"nu-complete llmr output_format" # What to print
    --usage(-u)               # Print tokens, cost, time and who answered, on stderr
    --raw                     # Let the model's escape sequences through to the terminal
    --tag: string             # A label for `log` and `stats`
    --help(-h)                # Print help
    --version(-V)             # Print version
    ...prompt: string         # The prompt; several words are joined by spaces; `-` reads standard input
  ]

  def "nu-complete llmr ask model" [] {
    nu-complete names models
  }

  def "nu-complete llmr ask providers" [] {
    nu-complete names providers
  }

  def "nu-complete llmr ask tier" [] {
    [ "fast" "balanced" "advanced" "premium" "auto" ]
  }

  def "nu-complete llmr ask fallbacks" [] {
    nu-complete names models
  }

  def "nu-complete llmr ask strategy" [] {
    [ "weighted" "cheapest" "fastest" "reliable" "priority" "round-robin" "balanced" ]
  }

  def "nu-complete llmr ask template" [] {
    nu-complete names templates
  }

  def "nu-complete llmr ask effort" [] {
    [ "none" "low" "medium" "high" "max" ]
  }

  def "nu-complete llmr ask mode" [] {
    [ "production" "dry-run" "shadow" ]
  }

  def "nu-complete llmr ask strategy_long" [] {
    [ "auto" "retrieve" "map-reduce" "refine" ]
  }

  def "nu-complete llmr ask session" [] {
    nu-complete names conversations
  }

  def "nu-complete llmr ask output_format" [] {
    [ "text" "json" "stream-json" ]
  }

  def "nu-complete llmr ask color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr ask profile" [] {
    nu-complete names profiles
  }

  # Ask the best provider
  export extern "llmr ask" [
    --model(-m): string@"nu-complete llmr ask model" # This model only: MODEL, PROVIDER/MODEL or an alias of the config
    --provider(-p): string@"nu-complete llmr ask providers" # Only this provider (may be repeated)
    --tier: string@"nu-complete llmr ask tier" # No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    --min-quality: string     # With --tier auto: the chance of success that a tier must have, 0 to 1
    --meta: string            # Something known of the request, for the rules of `[tiers]` (may be repeated)
    --cascade                 # Ask two cheap models first, and one of --tier (premium) only where they do not agree: for short answers
    --hedge                   # Ask a second one when the first byte is late, and keep who is faster (LLMR_HEDGE_DAILY_USD bounds the cost)
    --fallback: string@"nu-complete llmr ask fallbacks" # Ask this model when the first one fails (may be repeated, in order)
    --strategy: string@"nu-complete llmr ask strategy" # How candidates are put in order
    --weights: string         # Weights of cost, latency and quality [default: 0.4,0.3,0.3]
    --system(-s): string      # System prompt
    --file(-f): path          # Put files in front of the prompt: a path, a pattern such as 'src/*.rs', `-` for standard input (may be repeated)
    --image(-i): path         # Show a picture to the model: PNG, JPEG, GIF or WebP; a path, a pattern, `-` for standard input (may be repeated)
    --template(-T): string@"nu-complete llmr ask template" # Use this template (see `llmr template`)
    --var: string             # Fill in a variable of the template (may be repeated)
    --no-stdin                # Do not read standard input
    --temperature(-t): string # Sampling temperature, 0 to 2
    --top-p: string           # Nucleus sampling, 0 to 1
    --max-tokens: string      # The longest answer, in tokens, thinking included
    --stop: string            # Stop at this text (may be repeated)
    --effort: string@"nu-complete llmr ask effort" # How hard a reasoning model thinks
    --option(-o): string      # Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    --schema: path            # The answer is JSON that fits this JSON Schema, else exit code 5
    --max-cost: string        # The most that all attempts together may cost, in USD
    --timeout: string         # Time limit of the whole request, in seconds
    --max-retries: string     # Retries on one candidate
    --allow-unpriced          # Ask models without a known price although a budget is set
    --no-cache                # Neither read nor write the cache
    --refresh                 # Do not read the cache, but write it
    --parallel: string        # Ask so many candidates side by side and keep the best whole answer (each is paid for)
    --race                    # With --parallel: keep the first whole answer and cancel the others
    --mode: string@"nu-complete llmr ask mode" # production answers; dry-run says what it would do; shadow also records what the other strategies would have done
    --dry-run                 # The same as the dry-run command
    --strategy-long: string@"nu-complete llmr ask strategy_long" # How texts are read that are too long for one call
    --read-tokens: string     # Tokens of the texts that one call reads at most [default: 24000]
    --rerank: string          # With retrieve: the best passages get a second look by vectors, of this model (see `llmr embed`)
    --yes                     # Go on with the plan for texts that are too long without being asked
    --resume                  # Go on with the last reading of long texts that was stopped
    --continue(-c)            # Go on with the last conversation
    --session: string@"nu-complete llmr ask session" # Go on with the conversation of this name, or begin it
    --extract(-x)             # Print the first code block of the answer alone
    --stream                  # Stream the answer, also into a pipe
    --no-stream               # Ask the provider for a whole answer
    --output-format: string@"nu-complete llmr ask output_format" # What to print
    --usage(-u)               # Print tokens, cost, time and who answered, on stderr
    --raw                     # Let the model's escape sequences through to the terminal
    --tag: string             # A label for `log` and `stats`
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr ask color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr ask profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...prompt: string         # The prompt; several words are joined by spaces; `-` reads standard input
  ]

  def "nu-complete llmr dry-run model" [] {
    nu-complete names models
  }

  def "nu-complete llmr dry-run providers" [] {
    nu-complete names providers
  }

  def "nu-complete llmr dry-run tier" [] {
    [ "fast" "balanced" "advanced" "premium" "auto" ]
  }

  def "nu-complete llmr dry-run fallbacks" [] {
    nu-complete names models
  }

  def "nu-complete llmr dry-run strategy" [] {
    [ "weighted" "cheapest" "fastest" "reliable" "priority" "round-robin" "balanced" ]
  }

  def "nu-complete llmr dry-run template" [] {
    nu-complete names templates
  }

  def "nu-complete llmr dry-run effort" [] {
    [ "none" "low" "medium" "high" "max" ]
  }

  def "nu-complete llmr dry-run strategy_long" [] {
    [ "auto" "retrieve" "map-reduce" "refine" ]
  }

  def "nu-complete llmr dry-run color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr dry-run profile" [] {
    nu-complete names profiles
  }

  # Say what `ask` would do and cost, and send nothing
  export extern "llmr dry-run" [
    --model(-m): string@"nu-complete llmr dry-run model" # This model only: MODEL, PROVIDER/MODEL or an alias of the config
    --provider(-p): string@"nu-complete llmr dry-run providers" # Only this provider (may be repeated)
    --tier: string@"nu-complete llmr dry-run tier" # No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    --min-quality: string     # With --tier auto: the chance of success that a tier must have, 0 to 1
    --meta: string            # Something known of the request, for the rules of `[tiers]` (may be repeated)
    --cascade                 # Ask two cheap models first, and one of --tier (premium) only where they do not agree: for short answers
    --hedge                   # Ask a second one when the first byte is late, and keep who is faster (LLMR_HEDGE_DAILY_USD bounds the cost)
    --fallback: string@"nu-complete llmr dry-run fallbacks" # Ask this model when the first one fails (may be repeated, in order)
    --strategy: string@"nu-complete llmr dry-run strategy" # How candidates are put in order
    --weights: string         # Weights of cost, latency and quality [default: 0.4,0.3,0.3]
    --system(-s): string      # System prompt
    --file(-f): path          # Put files in front of the prompt: a path, a pattern such as 'src/*.rs', `-` for standard input (may be repeated)
    --image(-i): path         # Show a picture to the model: PNG, JPEG, GIF or WebP; a path, a pattern, `-` for standard input (may be repeated)
    --template(-T): string@"nu-complete llmr dry-run template" # Use this template (see `llmr template`)
    --var: string             # Fill in a variable of the template (may be repeated)
    --no-stdin                # Do not read standard input
    --temperature(-t): string # Sampling temperature, 0 to 2
    --top-p: string           # Nucleus sampling, 0 to 1
    --max-tokens: string      # The longest answer, in tokens, thinking included
    --stop: string            # Stop at this text (may be repeated)
    --effort: string@"nu-complete llmr dry-run effort" # How hard a reasoning model thinks
    --option(-o): string      # Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    --schema: path            # The answer is JSON that fits this JSON Schema, else exit code 5
    --max-cost: string        # The most that all attempts together may cost, in USD
    --timeout: string         # Time limit of the whole request, in seconds
    --max-retries: string     # Retries on one candidate
    --allow-unpriced          # Ask models without a known price although a budget is set
    --no-cache                # Neither read nor write the cache
    --refresh                 # Do not read the cache, but write it
    --strategy-long: string@"nu-complete llmr dry-run strategy_long" # How texts are read that are too long for one call
    --read-tokens: string     # Tokens of the texts that one call reads at most [default: 24000]
    --rerank: string          # With retrieve: the best passages get a second look by vectors, of this model (see `llmr embed`)
    --tag: string             # The label it would have, for the rules of `[tiers]`
    --check                   # Exit as `ask` would
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr dry-run color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr dry-run profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...prompt: string         # The prompt; several words are joined by spaces; `-` reads standard input
  ]

  def "nu-complete llmr chat model" [] {
    nu-complete names models
  }

  def "nu-complete llmr chat providers" [] {
    nu-complete names providers
  }

  def "nu-complete llmr chat tier" [] {
    [ "fast" "balanced" "advanced" "premium" "auto" ]
  }

  def "nu-complete llmr chat fallbacks" [] {
    nu-complete names models
  }

  def "nu-complete llmr chat strategy" [] {
    [ "weighted" "cheapest" "fastest" "reliable" "priority" "round-robin" "balanced" ]
  }

  def "nu-complete llmr chat template" [] {
    nu-complete names templates
  }

  def "nu-complete llmr chat effort" [] {
    [ "none" "low" "medium" "high" "max" ]
  }

  def "nu-complete llmr chat session" [] {
    nu-complete names conversations
  }

  def "nu-complete llmr chat color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr chat profile" [] {
    nu-complete names profiles
  }

  # Talk with a model, turn by turn
  export extern "llmr chat" [
    --model(-m): string@"nu-complete llmr chat model" # This model only: MODEL, PROVIDER/MODEL or an alias of the config
    --provider(-p): string@"nu-complete llmr chat providers" # Only this provider (may be repeated)
    --tier: string@"nu-complete llmr chat tier" # No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    --min-quality: string     # With --tier auto: the chance of success that a tier must have, 0 to 1
    --meta: string            # Something known of the request, for the rules of `[tiers]` (may be repeated)
    --cascade                 # Ask two cheap models first, and one of --tier (premium) only where they do not agree: for short answers
    --hedge                   # Ask a second one when the first byte is late, and keep who is faster (LLMR_HEDGE_DAILY_USD bounds the cost)
    --fallback: string@"nu-complete llmr chat fallbacks" # Ask this model when the first one fails (may be repeated, in order)
    --strategy: string@"nu-complete llmr chat strategy" # How candidates are put in order
    --weights: string         # Weights of cost, latency and quality [default: 0.4,0.3,0.3]
    --system(-s): string      # System prompt
    --file(-f): path          # Put files in front of the prompt: a path, a pattern such as 'src/*.rs', `-` for standard input (may be repeated)
    --image(-i): path         # Show a picture to the model: PNG, JPEG, GIF or WebP; a path, a pattern, `-` for standard input (may be repeated)
    --template(-T): string@"nu-complete llmr chat template" # Use this template (see `llmr template`)
    --var: string             # Fill in a variable of the template (may be repeated)
    --no-stdin                # Do not read standard input
    --temperature(-t): string # Sampling temperature, 0 to 2
    --top-p: string           # Nucleus sampling, 0 to 1
    --max-tokens: string      # The longest answer, in tokens, thinking included
    --stop: string            # Stop at this text (may be repeated)
    --effort: string@"nu-complete llmr chat effort" # How hard a reasoning model thinks
    --option(-o): string      # Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    --schema: path            # The answer is JSON that fits this JSON Schema, else exit code 5
    --max-cost: string        # The most that all attempts together may cost, in USD
    --timeout: string         # Time limit of the whole request, in seconds
    --max-retries: string     # Retries on one candidate
    --allow-unpriced          # Ask models without a known price although a budget is set
    --no-cache                # Neither read nor write the cache
    --refresh                 # Do not read the cache, but write it
    --continue(-c)            # Go on with the last conversation
    --session: string@"nu-complete llmr chat session" # Go on with the conversation of this name, or begin it
    --raw                     # Let the model's escape sequences through to the terminal
    --tag: string             # A label for `log` and `stats`
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr chat color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr chat profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...prompt: string         # The prompt; several words are joined by spaces; `-` reads standard input
  ]

  def "nu-complete llmr chat list color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr chat list profile" [] {
    nu-complete names profiles
  }

  # Every conversation, the newest first
  export extern "llmr chat list" [
    -n: string                # So many
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr chat list color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr chat list profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr chat show id" [] {
    nu-complete names conversations
  }

  def "nu-complete llmr chat show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr chat show profile" [] {
    nu-complete names profiles
  }

  # One conversation, turn by turn
  export extern "llmr chat show" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr chat show color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr chat show profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    id: string@"nu-complete llmr chat show id" # Its name, its number such as c3, or `last`
  ]

  def "nu-complete llmr chat rm ids" [] {
    nu-complete names conversations
  }

  def "nu-complete llmr chat rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr chat rm profile" [] {
    nu-complete names profiles
  }

  # Remove conversations with all that was kept of them
  export extern "llmr chat rm" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr chat rm color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr chat rm profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...ids: string@"nu-complete llmr chat rm ids" # Names or numbers such as c3
  ]

  def "nu-complete llmr chat export id" [] {
    nu-complete names conversations
  }

  def "nu-complete llmr chat export format" [] {
    [ "markdown" "json" "jsonl" ]
  }

  def "nu-complete llmr chat export color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr chat export profile" [] {
    nu-complete names profiles
  }

  # Print one conversation as a file
  export extern "llmr chat export" [
    --format: string@"nu-complete llmr chat export format" # markdown to read; json with everything; jsonl: one line {"messages": […]} with the answered turns, for fine-tuning
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr chat export color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr chat export profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    id: string@"nu-complete llmr chat export id" # Its name, its number such as c3, or `last`
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr chat help" [
  ]

  # Every conversation, the newest first
  export extern "llmr chat help list" [
  ]

  # One conversation, turn by turn
  export extern "llmr chat help show" [
  ]

  # Remove conversations with all that was kept of them
  export extern "llmr chat help rm" [
  ]

  # Print one conversation as a file
  export extern "llmr chat help export" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr chat help help" [
  ]

  def "nu-complete llmr batch model" [] {
    nu-complete names models
  }

  def "nu-complete llmr batch providers" [] {
    nu-complete names providers
  }

  def "nu-complete llmr batch tier" [] {
    [ "fast" "balanced" "advanced" "premium" "auto" ]
  }

  def "nu-complete llmr batch fallbacks" [] {
    nu-complete names models
  }

  def "nu-complete llmr batch strategy" [] {
    [ "weighted" "cheapest" "fastest" "reliable" "priority" "round-robin" "balanced" ]
  }

  def "nu-complete llmr batch template" [] {
    nu-complete names templates
  }

  def "nu-complete llmr batch effort" [] {
    [ "none" "low" "medium" "high" "max" ]
  }

  def "nu-complete llmr batch color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr batch profile" [] {
    nu-complete names profiles
  }

  # Answer a file of prompts, many at a time
  export extern "llmr batch" [
    --output(-o): path        # Where the answers go, in the order of the prompts [default: standard output]
    --jobs(-j): string        # So many prompts at a time
    --restart                 # Ask every line anew, also those that were answered
    --model(-m): string@"nu-complete llmr batch model" # Model of the lines that name none
    --provider(-p): string@"nu-complete llmr batch providers" # Only this provider (may be repeated)
    --tier: string@"nu-complete llmr batch tier" # No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    --fallback: string@"nu-complete llmr batch fallbacks" # Ask this model when the first one fails (may be repeated, in order)
    --strategy: string@"nu-complete llmr batch strategy" # How candidates are put in order
    --system(-s): string      # System prompt of the lines that have none
    --template(-T): string@"nu-complete llmr batch template" # Use this template: each line's prompt is its input, each line's other fields its variables
    --temperature(-t): string # Sampling temperature, 0 to 2
    --max-tokens: string      # The longest answer, in tokens, thinking included
    --effort: string@"nu-complete llmr batch effort" # How hard a reasoning model thinks
    --schema: path            # Every answer is JSON that fits this JSON Schema
    --max-retries: string     # Retries on one candidate
    --allow-unpriced          # Ask models without a known price although a budget is set
    --no-cache                # Neither read nor write the cache
    --refresh                 # Do not read the cache, but write it
    --tag: string             # A label for `log` and `stats`
    --max-cost: string        # The most that the whole batch may cost, in USD
    --timeout: string         # Time limit of each line, in seconds
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr batch color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr batch profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    file: path                # JSON lines with `prompt` and, where wanted, `id`, `system`, `model`, …; `-` reads standard input
  ]

  def "nu-complete llmr classify color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr classify profile" [] {
    nu-complete names profiles
  }

  # Say which tier a prompt needs, and why
  export extern "llmr classify" [
    --file(-f): path          # Put files in front of the prompt, as `ask` does (may be repeated)
    --jsonl                   # Read {"id", "prompt"} lines from standard input, write {"id", "score", "tier", "intent"} lines
    --min-quality: string     # The chance of success that a tier must have, 0 to 1
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr classify color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr classify profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...prompt: string         # The prompt; several words are joined by spaces; `-` reads standard input
  ]

  def "nu-complete llmr rate color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr rate profile" [] {
    nu-complete names profiles
  }

  # Say whether an answer was good, for --tier auto to learn from
  export extern "llmr rate" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr rate color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr rate profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...words: string          # The request, such as r17 (`last` when left out), and `good` or `bad`
  ]

  def "nu-complete llmr select color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr select profile" [] {
    nu-complete names profiles
  }

  # Pick the passages of long documents that a question is about
  export extern "llmr select" [
    --file(-f): path          # Look through this document: a path, a pattern such as 'minutes/*.md', `-` for standard input (may be repeated)
    --query-file: path        # Read the question from a file; `-` for standard input
    --budget: string          # Pick no more than so many tokens
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr select color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr select profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...query: string          # The question; several words are joined by spaces
  ]

  def "nu-complete llmr embed model" [] {
    nu-complete names models
  }

  def "nu-complete llmr embed providers" [] {
    nu-complete names providers
  }

  def "nu-complete llmr embed strategy" [] {
    [ "weighted" "cheapest" "fastest" "reliable" "priority" "round-robin" "balanced" ]
  }

  def "nu-complete llmr embed color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr embed profile" [] {
    nu-complete names profiles
  }

  # Make vectors of texts, to find what is alike
  export extern "llmr embed" [
    --file(-f): path          # Make a vector of this file: a path, a pattern such as 'docs/*.md', `-` for standard input (may be repeated)
    --lines                   # Every line is a text of its own
    --split: string           # Cut texts into pieces of at most so many tokens, where paragraphs and sentences end
    --query                   # The text is what is looked for, not what is to be found: some models tell the two apart
    --no-stdin                # Do not read standard input
    --save: string            # Keep the vectors in this collection
    --near: string            # Say what in this collection is most like the text
    --list                    # List the collections
    --top: string             # With --near: so many
    --model(-m): string@"nu-complete llmr embed model" # This model only: MODEL, PROVIDER/MODEL or an alias of the config
    --provider(-p): string@"nu-complete llmr embed providers" # Only this provider (may be repeated)
    --strategy: string@"nu-complete llmr embed strategy" # How candidates are put in order
    --dimensions: string      # So many numbers a vector, where the model can make shorter ones
    --option(-o): string      # Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    --max-retries: string     # Retries on one candidate
    --allow-unpriced          # Ask models without a known price although a budget is set
    --no-cache                # Neither read nor write the cache
    --refresh                 # Do not read the cache, but write it
    --tag: string             # A label for statistics
    --dry-run                 # Say how many calls it would take, of whom, at which cost; send nothing
    --max-cost: string        # The most that all calls together may cost, in USD
    --timeout: string         # Time limit of one call, in seconds
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr embed color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr embed profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...text: string           # The text; several words are joined by spaces; `-` reads standard input
  ]

  def "nu-complete llmr template color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr template profile" [] {
    nu-complete names profiles
  }

  # Prompts that are used again
  export extern "llmr template" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr template color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr template profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr template list color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr template list profile" [] {
    nu-complete names profiles
  }

  # Every template (the default)
  export extern "llmr template list" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr template list color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr template list profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr template show name" [] {
    nu-complete names templates
  }

  def "nu-complete llmr template show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr template show profile" [] {
    nu-complete names profiles
  }

  # Print one
  export extern "llmr template show" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr template show color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr template show profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    name: string@"nu-complete llmr template show name" # Its name
  ]

  def "nu-complete llmr template new model" [] {
    nu-complete names models
  }

  def "nu-complete llmr template new providers" [] {
    nu-complete names providers
  }

  def "nu-complete llmr template new tier" [] {
    [ "fast" "balanced" "advanced" "premium" "auto" ]
  }

  def "nu-complete llmr template new fallbacks" [] {
    nu-complete names models
  }

  def "nu-complete llmr template new strategy" [] {
    [ "weighted" "cheapest" "fastest" "reliable" "priority" "round-robin" "balanced" ]
  }

  def "nu-complete llmr template new template" [] {
    nu-complete names templates
  }

  def "nu-complete llmr template new effort" [] {
    [ "none" "low" "medium" "high" "max" ]
  }

  def "nu-complete llmr template new color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr template new profile" [] {
    nu-complete names profiles
  }

  # Write one from these flags
  export extern "llmr template new" [
    --model(-m): string@"nu-complete llmr template new model" # This model only: MODEL, PROVIDER/MODEL or an alias of the config
    --provider(-p): string@"nu-complete llmr template new providers" # Only this provider (may be repeated)
    --tier: string@"nu-complete llmr template new tier" # No model below this tier; `auto`: the cheapest tier that will do for the prompt (see `llmr classify`)
    --min-quality: string     # With --tier auto: the chance of success that a tier must have, 0 to 1
    --meta: string            # Something known of the request, for the rules of `[tiers]` (may be repeated)
    --cascade                 # Ask two cheap models first, and one of --tier (premium) only where they do not agree: for short answers
    --hedge                   # Ask a second one when the first byte is late, and keep who is faster (LLMR_HEDGE_DAILY_USD bounds the cost)
    --fallback: string@"nu-complete llmr template new fallbacks" # Ask this model when the first one fails (may be repeated, in order)
    --strategy: string@"nu-complete llmr template new strategy" # How candidates are put in order
    --weights: string         # Weights of cost, latency and quality [default: 0.4,0.3,0.3]
    --system(-s): string      # System prompt
    --file(-f): path          # Put files in front of the prompt: a path, a pattern such as 'src/*.rs', `-` for standard input (may be repeated)
    --image(-i): path         # Show a picture to the model: PNG, JPEG, GIF or WebP; a path, a pattern, `-` for standard input (may be repeated)
    --template(-T): string@"nu-complete llmr template new template" # Use this template (see `llmr template`)
    --var: string             # Fill in a variable of the template (may be repeated)
    --no-stdin                # Do not read standard input
    --temperature(-t): string # Sampling temperature, 0 to 2
    --top-p: string           # Nucleus sampling, 0 to 1
    --max-tokens: string      # The longest answer, in tokens, thinking included
    --stop: string            # Stop at this text (may be repeated)
    --effort: string@"nu-complete llmr template new effort" # How hard a reasoning model thinks
    --option(-o): string      # Pass a field through to the provider (may be repeated); VALUE is JSON or else a text
    --schema: path            # The answer is JSON that fits this JSON Schema, else exit code 5
    --max-cost: string        # The most that all attempts together may cost, in USD
    --timeout: string         # Time limit of the whole request, in seconds
    --max-retries: string     # Retries on one candidate
    --allow-unpriced          # Ask models without a known price although a budget is set
    --no-cache                # Neither read nor write the cache
    --refresh                 # Do not read the cache, but write it
    --force                   # Replace one of that name
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr template new color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr template new profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    name: string              # Its name
    ...prompt: string         # The prompt; several words are joined by spaces; `-` reads standard input
  ]

  def "nu-complete llmr template rm name" [] {
    nu-complete names templates
  }

  def "nu-complete llmr template rm color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr template rm profile" [] {
    nu-complete names profiles
  }

  # Remove one
  export extern "llmr template rm" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr template rm color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr template rm profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    name: string@"nu-complete llmr template rm name" # Its name
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr template help" [
  ]

  # Every template (the default)
  export extern "llmr template help list" [
  ]

  # Print one
  export extern "llmr template help show" [
  ]

  # Write one from these flags
  export extern "llmr template help new" [
  ]

  # Remove one
  export extern "llmr template help rm" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr template help help" [
  ]

  def "nu-complete llmr budget color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr budget profile" [] {
    nu-complete names profiles
  }

  # The day's money: what is spent, held and left
  export extern "llmr budget" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr budget color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr budget profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr budget status color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr budget status profile" [] {
    nu-complete names profiles
  }

  # What is spent, held and left today (the default)
  export extern "llmr budget status" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr budget status color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr budget status profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr budget set color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr budget set profile" [] {
    nu-complete names profiles
  }

  # Set the day's limit, kept in the database
  export extern "llmr budget set" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr budget set color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr budget set profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    usd: string               # USD such as 5 or 0.25; `off` for no limit, 0 for free answers only
  ]

  def "nu-complete llmr budget reset color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr budget reset profile" [] {
    nu-complete names profiles
  }

  # Start today's sum anew; the ledger keeps every row
  export extern "llmr budget reset" [
    --to: string              # Count so much as spent today
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr budget reset color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr budget reset profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr budget history color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr budget history profile" [] {
    nu-complete names profiles
  }

  # What each day cost
  export extern "llmr budget history" [
    --days: string            # How many days
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr budget history color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr budget history profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr budget check fail_on" [] {
    [ "soft" "hard" ]
  }

  def "nu-complete llmr budget check color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr budget check profile" [] {
    nu-complete names profiles
  }

  # Exit 4 if the limit is passed; needs no network
  export extern "llmr budget check" [
    --fail-on: string@"nu-complete llmr budget check fail_on" # Fail from this cut-off on
    --min-remaining: string   # Fail if less than this is left
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr budget check color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr budget check profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr budget help" [
  ]

  # What is spent, held and left today (the default)
  export extern "llmr budget help status" [
  ]

  # Set the day's limit, kept in the database
  export extern "llmr budget help set" [
  ]

  # Start today's sum anew; the ledger keeps every row
  export extern "llmr budget help reset" [
  ]

  # What each day cost
  export extern "llmr budget help history" [
  ]

  # Exit 4 if the limit is passed; needs no network
  export extern "llmr budget help check" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr budget help help" [
  ]

  def "nu-complete llmr providers color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr providers profile" [] {
    nu-complete names profiles
  }

  # Who takes part, in which state
  export extern "llmr providers" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr providers color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr providers profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr providers list color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr providers list profile" [] {
    nu-complete names profiles
  }

  # Every provider that takes part (the default)
  export extern "llmr providers list" [
    --all(-a)                 # The others too
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr providers list color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr providers list profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr providers show name" [] {
    nu-complete names providers
  }

  def "nu-complete llmr providers show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr providers show profile" [] {
    nu-complete names profiles
  }

  # Everything about one
  export extern "llmr providers show" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr providers show color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr providers show profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    name: string@"nu-complete llmr providers show name" # The provider
  ]

  def "nu-complete llmr providers check names" [] {
    nu-complete names providers
  }

  def "nu-complete llmr providers check color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr providers check profile" [] {
    nu-complete names profiles
  }

  # Ask each provider whether its key is accepted and what models it has; costs nothing
  export extern "llmr providers check" [
    --live                    # Have each default model answer one word as well, which costs a little
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr providers check color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr providers check profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...names: string@"nu-complete llmr providers check names" # Only these
  ]

  def "nu-complete llmr providers reset name" [] {
    nu-complete names providers
  }

  def "nu-complete llmr providers reset color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr providers reset profile" [] {
    nu-complete names profiles
  }

  # Close its breaker and end its rest
  export extern "llmr providers reset" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr providers reset color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr providers reset profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    name: string@"nu-complete llmr providers reset name" # The provider
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr providers help" [
  ]

  # Every provider that takes part (the default)
  export extern "llmr providers help list" [
  ]

  # Everything about one
  export extern "llmr providers help show" [
  ]

  # Ask each provider whether its key is accepted and what models it has; costs nothing
  export extern "llmr providers help check" [
  ]

  # Close its breaker and end its rest
  export extern "llmr providers help reset" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr providers help help" [
  ]

  def "nu-complete llmr stats by" [] {
    [ "provider" "model" "day" "tag" "tier" ]
  }

  def "nu-complete llmr stats format" [] {
    [ "table" "json" "csv" "prometheus" "html" ]
  }

  def "nu-complete llmr stats color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr stats profile" [] {
    nu-complete names profiles
  }

  # What was asked, answered and spent
  export extern "llmr stats" [
    --days: string            # The last so many days, today included [default: 30]
    --since: string           # From this UTC day on
    --until: string           # Up to this UTC day, itself included [default: today]
    --by: string@"nu-complete llmr stats by" # One row for each of these
    --routing                 # What routing was worth: beside each candidate alone, what trying others cost, what second tries brought
    --format: string@"nu-complete llmr stats format" # What to print; html is one page that needs nothing else
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr stats color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr stats profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr cache color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr cache profile" [] {
    nu-complete names profiles
  }

  # Stored answers
  export extern "llmr cache" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr cache color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr cache profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr cache stats color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr cache stats profile" [] {
    nu-complete names profiles
  }

  # Hits, misses, sizes (the default)
  export extern "llmr cache stats" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr cache stats color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr cache stats profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr cache clear color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr cache clear profile" [] {
    nu-complete names profiles
  }

  # Remove every entry
  export extern "llmr cache clear" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr cache clear color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr cache clear profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr cache verify color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr cache verify profile" [] {
    nu-complete names profiles
  }

  # Check every entry's seal; exit 5 if one is bad
  export extern "llmr cache verify" [
    --delete                  # Remove the bad ones
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr cache verify color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr cache verify profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr cache help" [
  ]

  # Hits, misses, sizes (the default)
  export extern "llmr cache help stats" [
  ]

  # Remove every entry
  export extern "llmr cache help clear" [
  ]

  # Check every entry's seal; exit 5 if one is bad
  export extern "llmr cache help verify" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr cache help help" [
  ]

  def "nu-complete llmr log color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr log profile" [] {
    nu-complete names profiles
  }

  # Past requests with their attempts and decisions
  export extern "llmr log" [
    -n: string                # So many requests, the newest first
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr log color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr log profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr log show id" [] {
    nu-complete names requests
  }

  def "nu-complete llmr log show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr log show profile" [] {
    nu-complete names profiles
  }

  # One request with its decision and attempts
  export extern "llmr log show" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr log show color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr log show profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    id: string@"nu-complete llmr log show id" # Its id, such as r17
  ]

  def "nu-complete llmr log export format" [] {
    [ "jsonl" "csv" ]
  }

  def "nu-complete llmr log export color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr log export profile" [] {
    nu-complete names profiles
  }

  # Write the kept prompts and answers as a data set, the oldest first
  export extern "llmr log export" [
    --format: string@"nu-complete llmr log export format" # jsonl has every text as it was; in csv a text that a spreadsheet would take for a formula gets a ' in front
    --all                     # Those of conversations and batches too
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr log export color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr log export profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr log help" [
  ]

  # One request with its decision and attempts
  export extern "llmr log help show" [
  ]

  # Write the kept prompts and answers as a data set, the oldest first
  export extern "llmr log help export" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr log help help" [
  ]

  def "nu-complete llmr forget ids" [] {
    nu-complete names conversations
  }

  def "nu-complete llmr forget color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr forget profile" [] {
    nu-complete names profiles
  }

  # Remove what was kept of requests: prompts, answers, conversations
  export extern "llmr forget" [
    --vectors: string         # A collection of vectors (see `llmr embed --save`)
    --all                     # Everything that was kept, the cache included
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr forget color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr forget profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...ids: string@"nu-complete llmr forget ids" # Requests (r17) or conversations (c3, a name)
  ]

  def "nu-complete llmr models provider" [] {
    nu-complete names providers
  }

  def "nu-complete llmr models color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr models profile" [] {
    nu-complete names profiles
  }

  # The catalogue: models, prices, windows
  export extern "llmr models" [
    --provider(-p): string@"nu-complete llmr models provider" # Only this provider's
    --all(-a)                 # Retired ones too
    --live                    # What the providers themselves list now
    --embed                   # Those that make vectors (see `llmr embed`)
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr models color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr models profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    filter?: string           # Only models with this in their name
  ]

  def "nu-complete llmr config color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr config profile" [] {
    nu-complete names profiles
  }

  # Settings and where they come from
  export extern "llmr config" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr config color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr config profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr config show color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr config show profile" [] {
    nu-complete names profiles
  }

  # Every value with its source (the default)
  export extern "llmr config show" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr config show color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr config show profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr config path color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr config path profile" [] {
    nu-complete names profiles
  }

  # Every path
  export extern "llmr config path" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr config path color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr config path profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr config check color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr config check profile" [] {
    nu-complete names profiles
  }

  # Read everything and say what is wrong
  export extern "llmr config check" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr config check color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr config check profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr config init color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr config init profile" [] {
    nu-complete names profiles
  }

  # Write a config.toml to start from
  export extern "llmr config init" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr config init color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr config init profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr config trust color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr config trust profile" [] {
    nu-complete names profiles
  }

  # Let a .env set everything, as long as it stays as it is
  export extern "llmr config trust" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr config trust color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr config trust profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    path?: path               # The file [default: the nearest .env]
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr config help" [
  ]

  # Every value with its source (the default)
  export extern "llmr config help show" [
  ]

  # Every path
  export extern "llmr config help path" [
  ]

  # Read everything and say what is wrong
  export extern "llmr config help check" [
  ]

  # Write a config.toml to start from
  export extern "llmr config help init" [
  ]

  # Let a .env set everything, as long as it stays as it is
  export extern "llmr config help trust" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr config help help" [
  ]

  def "nu-complete llmr import tool" [] {
    [ "llm" "aichat" "mods" ]
  }

  def "nu-complete llmr import color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr import profile" [] {
    nu-complete names profiles
  }

  # Bring keys' names, aliases, models and history over from another tool
  export extern "llmr import" [
    --from: directory         # Read that tool's files from here [default: where it keeps them]
    --dry-run                 # Say what would be brought over, and write nothing
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr import color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr import profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    tool: string@"nu-complete llmr import tool" # Which tool's files
  ]

  def "nu-complete llmr completions shell" [] {
    [ "bash" "zsh" "fish" "powershell" "elvish" "nushell" ]
  }

  def "nu-complete llmr completions color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr completions profile" [] {
    nu-complete names profiles
  }

  # Print a shell's completions
  export extern "llmr completions" [
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr completions color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr completions profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    shell: string@"nu-complete llmr completions shell" # Which shell
  ]

  def "nu-complete llmr man color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr man profile" [] {
    nu-complete names profiles
  }

  # Print a command's manual page
  export extern "llmr man" [
    --out: directory          # Write every page into this folder instead
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr man color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr man profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
    ...command: string        # The command, such as `ask` or `budget set` [default: llmr itself]
  ]

  def "nu-complete llmr simulate color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr simulate profile" [] {
    nu-complete names profiles
  }

  # Order providers by what happened, on a clock of your own: lines of JSON in and out
  export extern "llmr simulate" [
    --stdio                   # Read lines from standard input and answer on standard output
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr simulate color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr simulate profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  def "nu-complete llmr sandbox color" [] {
    [ "auto" "always" "never" ]
  }

  def "nu-complete llmr sandbox profile" [] {
    nu-complete names profiles
  }

  # Run the sandbox's providers alone, for several processes at once
  export extern "llmr sandbox" [
    --port: string            # The port on 127.0.0.1; 0 takes a free one
    --faults: string          # Faults by provider, such as openai=429,anthropic=cut
    --delay: string           # Scale of all delays: 0 answers at once
    --json                    # Print one JSON object and nothing else
    --quiet(-q)               # No warnings and notes
    --verbose(-v)             # Say more: the plan, every attempt, why
    --color: string@"nu-complete llmr sandbox color" # Colours
    --config: path            # Read this file instead of the config folder's config.toml
    --profile: string@"nu-complete llmr sandbox profile" # Settings of this [profile.NAME] of config.toml on top of the others
    --help(-h)                # Print help
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr help" [
  ]

  # Ask the best provider
  export extern "llmr help ask" [
  ]

  # Say what `ask` would do and cost, and send nothing
  export extern "llmr help dry-run" [
  ]

  # Talk with a model, turn by turn
  export extern "llmr help chat" [
  ]

  # Every conversation, the newest first
  export extern "llmr help chat list" [
  ]

  # One conversation, turn by turn
  export extern "llmr help chat show" [
  ]

  # Remove conversations with all that was kept of them
  export extern "llmr help chat rm" [
  ]

  # Print one conversation as a file
  export extern "llmr help chat export" [
  ]

  # Answer a file of prompts, many at a time
  export extern "llmr help batch" [
  ]

  # Say which tier a prompt needs, and why
  export extern "llmr help classify" [
  ]

  # Say whether an answer was good, for --tier auto to learn from
  export extern "llmr help rate" [
  ]

  # Pick the passages of long documents that a question is about
  export extern "llmr help select" [
  ]

  # Make vectors of texts, to find what is alike
  export extern "llmr help embed" [
  ]

  # Prompts that are used again
  export extern "llmr help template" [
  ]

  # Every template (the default)
  export extern "llmr help template list" [
  ]

  # Print one
  export extern "llmr help template show" [
  ]

  # Write one from these flags
  export extern "llmr help template new" [
  ]

  # Remove one
  export extern "llmr help template rm" [
  ]

  # The day's money: what is spent, held and left
  export extern "llmr help budget" [
  ]

  # What is spent, held and left today (the default)
  export extern "llmr help budget status" [
  ]

  # Set the day's limit, kept in the database
  export extern "llmr help budget set" [
  ]

  # Start today's sum anew; the ledger keeps every row
  export extern "llmr help budget reset" [
  ]

  # What each day cost
  export extern "llmr help budget history" [
  ]

  # Exit 4 if the limit is passed; needs no network
  export extern "llmr help budget check" [
  ]

  # Who takes part, in which state
  export extern "llmr help providers" [
  ]

  # Every provider that takes part (the default)
  export extern "llmr help providers list" [
  ]

  # Everything about one
  export extern "llmr help providers show" [
  ]

  # Ask each provider whether its key is accepted and what models it has; costs nothing
  export extern "llmr help providers check" [
  ]

  # Close its breaker and end its rest
  export extern "llmr help providers reset" [
  ]

  # What was asked, answered and spent
  export extern "llmr help stats" [
  ]

  # Stored answers
  export extern "llmr help cache" [
  ]

  # Hits, misses, sizes (the default)
  export extern "llmr help cache stats" [
  ]

  # Remove every entry
  export extern "llmr help cache clear" [
  ]

  # Check every entry's seal; exit 5 if one is bad
  export extern "llmr help cache verify" [
  ]

  # Past requests with their attempts and decisions
  export extern "llmr help log" [
  ]

  # One request with its decision and attempts
  export extern "llmr help log show" [
  ]

  # Write the kept prompts and answers as a data set, the oldest first
  export extern "llmr help log export" [
  ]

  # Remove what was kept of requests: prompts, answers, conversations
  export extern "llmr help forget" [
  ]

  # The catalogue: models, prices, windows
  export extern "llmr help models" [
  ]

  # Settings and where they come from
  export extern "llmr help config" [
  ]

  # Every value with its source (the default)
  export extern "llmr help config show" [
  ]

  # Every path
  export extern "llmr help config path" [
  ]

  # Read everything and say what is wrong
  export extern "llmr help config check" [
  ]

  # Write a config.toml to start from
  export extern "llmr help config init" [
  ]

  # Let a .env set everything, as long as it stays as it is
  export extern "llmr help config trust" [
  ]

  # Bring keys' names, aliases, models and history over from another tool
  export extern "llmr help import" [
  ]

  # Print a shell's completions
  export extern "llmr help completions" [
  ]

  # Print a command's manual page
  export extern "llmr help man" [
  ]

  # Order providers by what happened, on a clock of your own: lines of JSON in and out
  export extern "llmr help simulate" [
  ]

  # Run the sandbox's providers alone, for several processes at once
  export extern "llmr help sandbox" [
  ]

  # Print this message or the help of the given subcommand(s)
  export extern "llmr help help" [
  ]

}

export use completions *
