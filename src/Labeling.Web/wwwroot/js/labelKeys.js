// Keys of the comparison page. Listening on the document means no element needs the focus; typing and IME composition are left alone.
const typing = element =>
  element instanceof Element && element.closest("input, textarea, select, [contenteditable=''], [contenteditable=true]") !== null;

function command(event) {
  if (event.isComposing || event.keyCode === 229 || event.repeat || typing(event.target)) {
    return null;
  }

  if (event.ctrlKey || event.metaKey) {
    return !event.altKey && !event.shiftKey && event.key.toLowerCase() === "z" ? "undo" : null;
  }

  if (event.altKey) {
    return null;
  }

  // event.code covers keyboards on which the digit row needs Shift (AZERTY).
  const digit = /^(?:Digit|Numpad)([012])$/.exec(event.code)?.[1];
  const key = digit && !event.shiftKey ? digit : event.key;
  return { 1: "first", 2: "second", 0: "tie", ".": "skip", u: "undo", U: "undo", "?": "help", Escape: "close" }[key] ?? null;
}

export function listen(page) {
  const onKey = event => {
    const name = command(event);
    if (name !== null) {
      if (name !== "close") {
        event.preventDefault();
      }
      page.invokeMethodAsync("OnCommandAsync", name);
    }
  };

  document.addEventListener("keydown", onKey);
  return { dispose: () => document.removeEventListener("keydown", onKey) };
}
