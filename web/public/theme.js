// Runs before the first paint, so that a chosen theme never flashes. A file, because the page allows no inline scripts.
try {
  const theme = localStorage.getItem("fischgpt.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {}
