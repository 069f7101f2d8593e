"""The sprites of the simulated belt: rendered pieces of scrap, and the renderer that made them."""
