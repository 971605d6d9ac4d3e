"""Energy: where each meter's and each community's energy came from and went, in whole Wh, and who offered what.

- `units.py`, `clocks.py`: exact energy, and local times that jump.
- `tables.py`, `ausgrid.py`, `citylearn.py`, `photovoltaics.py`: the public file formats; `recordings.py` tells them.
- `balance.py`: the identity of one interval; `rules.py`: one reading and what came before it at its meter.
- `communities.py`, `community.py`: who belongs together, and the sum over them.
- `orders.py`: an order at the market's door.
- `agents.py`: the thin shell that puts the rules on their topics.
- `excerpts/`: recordings that come with the platform; `scenarios/`: what is made up, and says so.

A meter's grace is 0; a community waits two hours for a member of the live city, and for every member of a recording.
"""
