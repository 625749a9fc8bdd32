"""Case events, case facts and the entitlement clocks that follow from them."""
