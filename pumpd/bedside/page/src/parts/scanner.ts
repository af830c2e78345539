// Whether this tablet has a scanner: remembered once one was used, so that its keys need no room on the screen.

const KEPT = "scanner";

let seen = false;

export function hasScanner(): boolean {
  try {
    return seen || localStorage.getItem(KEPT) === "yes";
  } catch {
    return seen; // a browser that blocks storage
  }
}

export function sawScanner(): void {
  seen = true;
  try {
    localStorage.setItem(KEPT, "yes");
  } catch {
    // remembered for as long as the page is open
  }
}
