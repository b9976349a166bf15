"""Sessions come in from elsewhere (`importing`) and go out as files (`export`)."""
