import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { App } from "./App.tsx";
import { inBrowser, root as place } from "./browser/place.ts";
import "./styles.css";

// A static host has each page in a folder of its own, /story/, and the site itself perhaps not at its top.
const base = inBrowser ? place.pathname.slice(0, -1) : "";
if (inBrowser && location.pathname !== place.pathname && location.pathname.endsWith("/"))
  history.replaceState(null, "", location.pathname.slice(0, -1) + location.search + location.hash);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Router base={base}>
        <App />
      </Router>
    </StrictMode>,
  );
}
