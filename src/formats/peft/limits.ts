/** Largest adapter_config.json. Real ones have 1 kB; rank_pattern and alpha_pattern that name 4,000 modules have 400 kB. */
export const MAX_CONFIG_BYTES = 512 * 1024;

/** Most fields of adapter_config.json, including unknown ones. PEFT writes about 40. */
export const MAX_CONFIG_FIELDS = 1000;

/** Deepest nesting in adapter_config.json. PEFT's own sub-configurations nest 3 deep. */
export const MAX_CONFIG_DEPTH = 32;

/** Longest key of rank_pattern and alpha_pattern that is a regular expression. */
export const MAX_PATTERN_BYTES = 1024;

/**
 * Most work for matching patterns with modules, in steps of the automaton (instructions × characters). RE2 is linear,
 * but thousands of patterns times thousands of modules still add up. The worst expressions take about 15 ns per step, so
 * this is about 1.5 s; 30 ordinary expressions on 1,000 modules use half of it.
 */
export const MAX_MATCH_STEPS = 100_000_000;

/**
 * Most parameters of one module in target_parameters; mixtures of experts have two. A target without a path means every
 * module, so that thousands of targets on thousands of modules would fill the memory.
 */
export const MAX_PARAMETERS = 64;
