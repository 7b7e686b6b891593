"""The widgets of the screen: lists that draw only the lines that are visible."""
