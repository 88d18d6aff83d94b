//! Fields in the order, the case and the lines in which they came.
