"""What the dashboard costs: the first page, scrolling far back, a thousand queries a second, and the memory of a browser that watches them."""
