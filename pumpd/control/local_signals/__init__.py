"""A stop button, a light and a buzzer at the gateway itself, on its GPIO lines."""
