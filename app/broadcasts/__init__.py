"""One notice to many: broadcasts as they are kept, told page by page, and made of campaigns."""
