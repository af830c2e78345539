"""The tablets' server: HTTPS for tablets, using control's tablet socket and journal. It can stop pumps and do nothing
else.
"""
