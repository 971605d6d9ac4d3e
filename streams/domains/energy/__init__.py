"""Energy: balances of meters and communities in whole Wh, and orders of a local market.

- `units.py`, `clocks.py`: exact energy, and local times around clock changes.
- `tables.py`, `ausgrid.py`, `ausgrid_wide.py`, `citylearn.py`, `citylearn_dates.py`, `photovoltaics.py`: the public
  file formats; `recordings.py` declares them.
- `balance.py`: the identity of one interval; `rules.py`: a reading and the state of its meter; `intervals.py`: the
  intervals that a meter remembers.
- `communities.py`, `community.py`: the declared communities, and the sum over their members.
- `orders.py`: the rules that an order must keep.
- `agents.py`: runs the rules on their topics.
- `excerpts/`: recordings that come with the platform; `scenarios/`: invented events, marked as such.

A meter's grace is 0; a community waits two hours for a member of the live city.
"""
