"""Harvard Apparatus laboratory syringe pumps with the "classic" dialects: Pump 11, Models 22, 33 and 44, PHD 2000."""
