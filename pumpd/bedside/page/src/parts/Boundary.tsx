// When one part of the page fails, the rest keeps working, Stop above all.

import { Component, type ComponentChildren } from "preact";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";

interface Props {
  /** The part, as a nurse would call it. */
  name: string;
  /** What it shows. When this changes, a part that failed is tried again. */
  of?: string;
  /** Shown under the notice after a failure. */
  instead?: ComponentChildren;
  children: ComponentChildren;
}

export class Boundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static override getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override componentDidUpdate(before: Props): void {
    if (this.state.failed && before.of !== this.props.of) this.setState({ failed: false });
  }

  override componentDidCatch(error: unknown): void {
    console.error(`${this.props.name} cannot be shown`, error);
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <section class="lost" role="alert">
        <h2>{say(FRAME.cannot_be_shown, { part: this.props.name })}</h2>
        <p>{say(FRAME.page_fault)}</p>
        <div class="acts">
          <button type="button" onClick={() => this.setState({ failed: false })}>
            {say(FRAME.try_again)}
          </button>
        </div>
        {this.props.instead}
      </section>
    );
  }
}
