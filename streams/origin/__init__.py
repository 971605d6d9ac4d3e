"""Who produced an event: keys of sources, their signatures and numbers, and the check before any rule."""
