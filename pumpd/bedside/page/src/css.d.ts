declare module "*.css";

// A language of the page without its messages' names: made by build.mjs.
declare module "words:*" {
  export const texts: readonly string[];
}
