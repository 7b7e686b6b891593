"""An Analysis as text or JSON; one module per form. Reports know analyses, never sources."""
