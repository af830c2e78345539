// A part of the page that fails takes nothing with it: least of all Stop.

import { Component, type ComponentChildren } from "preact";

interface Props {
  /** What failed, as a person would call it. */
  name: string;
  /** What it shows: when that changes, a part that failed is tried again. */
  of?: string;
  /** What stands under the notice when it failed. */
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
        <h2>{this.props.name} cannot be shown</h2>
        <p>This is a fault of this page. The infusion is not changed by it, and Stop works. Go to the pump.</p>
        <div class="acts">
          <button type="button" onClick={() => this.setState({ failed: false })}>
            Try again
          </button>
        </div>
        {this.props.instead}
      </section>
    );
  }
}
