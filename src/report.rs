//! Shows records: on a terminal, as lines, as annotations, as a page.
