"""The provider directory."""
