"""Ismatec Reglo ICC peristaltic laboratory pumps: up to four channels on one line. Not for use on humans."""
