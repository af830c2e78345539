// The language of the page: one touch opens the choice, one chooses. It needs no gateway and no pairing.

import { useEffect, useState } from "preact/hooks";
import { useOverlay } from "./overlay.ts";
import { chooseLanguage, chosenLanguage, LANGUAGES, onLanguage, type Language } from "../words/language.ts";
import { loadLanguage } from "../words/packs.ts";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";

const AGAIN_MS = 2000;

/** What calls this is shown again when another language is chosen, and when it is here; what was typed stays. */
export function useLanguage(): void {
  const [, show] = useState(0);
  useEffect(() => {
    const follow = async () => {
      const language = chosenLanguage();
      const arrived = () => {
        if (language !== chosenLanguage()) return;
        document.documentElement.lang = language;
        show((times) => times + 1);
      };
      const whole = await loadLanguage(language, arrived);
      if (!whole && language === chosenLanguage()) setTimeout(() => void follow(), AGAIN_MS);
    };
    void follow();
    return onLanguage(() => void follow());
  }, []);
}

export function LanguageSwitch() {
  const { root, key, open, close, toggle } = useOverlay();
  const chosen = chosenLanguage();
  const choose = (language: Language) => {
    chooseLanguage(language);
    close();
  };
  return (
    <div class="languages" ref={root}>
      <button
        type="button"
        class="icon"
        ref={key}
        aria-label={`${chosen.toUpperCase()}, ${say(FRAME.language, { language: LANGUAGES[chosen] })}`}
        aria-expanded={open}
        onClick={toggle}
      >
        <span aria-hidden="true">{chosen.toUpperCase()}</span>
      </button>
      {open && (
        <div class="languages-choice" role="group" aria-label={say(FRAME.languages)}>
          {(Object.keys(LANGUAGES) as Language[]).map((each) => (
            <button type="button" key={each} lang={each} aria-pressed={each === chosen} onClick={() => choose(each)}>
              {LANGUAGES[each]}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
