/** `owner/name`; a path or a URL in a card would be refused with the whole card. */
const OWNED = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;

/**
 * Models from before the Hub had owners, which go on under one name. Others with one name are a trainer's word for a
 * family ("sd_v1" of sd-scripts) or a folder.
 */
const WITHOUT_OWNER =
  /^(?:(?:distil)?gpt2|gpt2-(?:medium|large|xl)|openai-gpt|(?:distil)?bert-(?:base|large)-(?:un)?cased|bert-base-multilingual-(?:un)?cased|distilbert-base-multilingual-cased|(?:xlm-)?roberta-(?:base|large)|distilroberta-base|t5-(?:small|base|large|3b|11b)|albert-(?:base|large|xlarge|xxlarge)-v[12]|xlnet-(?:base|large)-cased)$/;

/** What files call their base model, where that is a repository of the Hugging Face Hub; else null. */
export const hubId = (baseModel: string | null): string | null =>
  baseModel !== null && (OWNED.test(baseModel) || WITHOUT_OWNER.test(baseModel)) ? baseModel : null;
