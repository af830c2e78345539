"""Harvard Apparatus and KD Scientific laboratory syringe pumps with the "Ultra" command set, chained by address."""
