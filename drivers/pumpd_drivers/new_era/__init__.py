"""New Era NE-1000 family of laboratory syringe pumps. The maker marks them as not for clinical use on humans."""
