"""What happens between moto's services; moto itself keeps their state."""
