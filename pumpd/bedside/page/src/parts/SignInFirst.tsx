// The link to the sign-in in the place of an act that needs it.

import { bedAddress } from "../state/route.ts";

interface Props {
  pump: string;
  children: string;
  onClick?: () => void;
}

export function SignInFirst({ pump, children, onClick }: Props) {
  return (
    <a class="button primary" href={bedAddress(pump, "sign-in")} onClick={onClick}>
      {children}
    </a>
  );
}
