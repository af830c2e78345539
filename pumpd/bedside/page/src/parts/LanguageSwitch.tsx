// The language of the page: one touch opens the choice, one chooses. It needs no gateway and no pairing.

import { useEffect, useState } from "preact/hooks";
import { useOverlay } from "./overlay.ts";
import { chooseLanguage, chosenLanguage, LANGUAGES, onLanguage, type Language } from "../words/language.ts";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";

/** The chosen language. What uses it is shown anew when another one is chosen; what was typed stays. */
export function useLanguage(): Language {
  const [language, setLanguage] = useState(chosenLanguage);
  useEffect(() => onLanguage(() => setLanguage(chosenLanguage())), []);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  return language;
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
        aria-label={say(FRAME.language, { language: LANGUAGES[chosen] })}
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
