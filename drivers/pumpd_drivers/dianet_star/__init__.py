"""B. Braun pumps that speak Dianet Star: Perfusor fm (syringe) and Infusomat fmS (volumetric)."""
