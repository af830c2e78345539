"""Inner diameters in mm of syringes by maker and size in mL, as the manual lists them (12.7, from the protocol sheet).

The pump is set to a diameter, never to a name; another syringe of the same size has another diameter.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pumpd.quantities import Length

_MM: dict[str, dict[str, str]] = {
    "BD": {
        "1": "4.699", "3": "8.585", "5": "11.99", "10": "14.43", "20": "19.05", "30": "21.59", "60": "26.59",
    },
    "Monoject": {
        "1": "5.74", "3": "8.941", "6": "12.7", "12": "15.72", "20": "20.12", "35": "23.52", "60": "26.64",
        "140": "38.0",
    },
    "Terumo": {
        "1": "4.7", "3": "8.95", "5": "13.0", "10": "15.8", "20": "20.15", "30": "23.1", "60": "29.7",
    },
    "HSW Norm-Ject": {
        "1": "4.69", "3": "9.65", "5": "12.45", "10": "15.9", "20": "20.05", "30": "22.9", "50": "29.2",
    },
    "Poulten-Graf glass": {
        "1": "6.7", "2": "8.91", "3": "9.06", "5": "11.75", "10": "14.67", "20": "19.62", "30": "22.69", "50": "26.96",
    },
    "stainless": {
        "1": "9.538", "3": "9.538", "5": "12.7", "8": "9.538", "20": "19.13", "50": "28.6",
    },
    "SGE": {
        "0.005": "0.343", "0.01": "0.485", "0.025": "0.728", "0.05": "1.03", "0.1": "1.457",
    },
    "Hamilton": {
        "0.0005": "0.103", "0.001": "0.146", "0.002": "0.206", "0.005": "0.326",
    },
}  # fmt: skip

SYRINGES: Mapping[str, Length] = MappingProxyType(
    {f"{maker} {size} mL": Length(mm) for maker, sizes in _MM.items() for size, mm in sizes.items()}
)
