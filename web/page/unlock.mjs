// The dialog that asks for a token.
import { onLocked } from "./api.mjs";
import { $ } from "./dom.mjs";

// unlock has requests that want a token ask for it here.
export function unlock() {
  const dialog = $("locked");
  onLocked((wrong) => new Promise((resolve) => {
    $("wrong").textContent = wrong ? "The server does not know this token." : "";
    $("token").value = "";
    let given = null;
    $("unlock").onsubmit = (e) => {
      e.preventDefault();
      given = $("token").value.trim();
      dialog.close();
    };
    $("leave").onclick = () => dialog.close();
    dialog.onclose = () => resolve(given || null);
    dialog.showModal();
  }));
}
