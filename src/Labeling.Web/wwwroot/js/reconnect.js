// blazor.web.js marks #components-reconnect-modal with CSS classes while the circuit is away. "failed" means it gave up for now,
// "rejected" that the server no longer knows the circuit (it was restarted): only a reload helps then.
const modal = document.getElementById("components-reconnect-modal");
const retryAfterMs = 3000;
let pending = 0;

async function recover() {
  pending = 0;
  if (modal.classList.contains("components-reconnect-failed")) {
    try {
      if (await globalThis.Blazor.reconnect()) {
        return;
      }
      location.reload();
    } catch {
      schedule();
    }
  } else if (modal.classList.contains("components-reconnect-rejected")) {
    location.reload();
  }
}

function schedule() {
  if (pending === 0) {
    pending = setTimeout(recover, retryAfterMs);
  }
}

if (modal) {
  new MutationObserver(() => {
    if (modal.classList.contains("components-reconnect-rejected")) {
      location.reload();
    } else if (modal.classList.contains("components-reconnect-failed")) {
      schedule();
    }
  }).observe(modal, { attributes: true, attributeFilter: ["class"] });
}
