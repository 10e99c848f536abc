//! Measures heijunka side by side with the floor and with its peers.
