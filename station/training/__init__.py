"""Making the eye's model and measuring it: data, training, calibration, evaluation."""
