"""Vocabularies of EPCIS 2.0 and CBV 2.0, and the spellings of their words. Pure.

A word is bare in JSON (`shipping`), a URN in XML (`urn:epcglobal:cbv:bizstep:shipping`), a web URI
(`https://ref.gs1.org/cbv/BizStep-shipping`) or a CURIE (`cbv:BizStep-shipping`). All of them become the bare word. Any
other URI is a word of a private vocabulary and stays unchanged.
"""

import re
from typing import NamedTuple

from streams.domains.cargo.rule_violation import RuleViolation, short_repr
from streams.domains.cargo.word_list import word_list

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


class Vocabulary(NamedTuple):
    """A closed list of words.

    Attributes:
        what: Name of the member that holds a word, for messages.
        rule: Rule that a word outside the list violates.
        prefixes: Prefixes of a word in its other spellings.
        words: The words.
    """

    what: str
    rule: str
    prefixes: tuple[str, ...]
    words: frozenset[str]

    def word(self, value: object) -> str:
        """Return the bare word, or the URI of another vocabulary unchanged.

        Raises:
            RuleViolation: The value is neither.
        """
        if not isinstance(value, str):
            raise RuleViolation(self.rule, f"{self.what}: expected a word, got {short_repr(value)}")
        bare = self.bare(value)
        if bare in self.words or (bare is value and is_uri(value)):
            return bare
        raise RuleViolation(
            self.rule, f"{self.what}: expected a word of the standard or a URI, got {short_repr(value)}"
        )

    def bare(self, value: str) -> str:
        """Return a value without the prefix of its spelling."""
        return next((value[len(each) :] for each in self.prefixes if value.startswith(each)), value)


def is_uri(value: object) -> bool:
    """Return whether a value is text with a scheme, or a CURIE."""
    return isinstance(value, str) and _URI.fullmatch(value) is not None


def _cbv(what: str, rule: str, urn: str, web: str, words: str) -> Vocabulary:
    hosts = ("https://ref.gs1.org/cbv/", "http://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/", "cbv:")
    prefixes = (f"urn:epcglobal:cbv:{urn}:", *(f"{host}{web}-" for host in hosts))
    return Vocabulary(what, rule, prefixes, word_list(words))


BIZ_STEP = _cbv(
    "bizStep",
    "epcis-biz-step@1",
    "bizstep",
    "BizStep",
    """
    accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
    decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting
    installing killing loading other packing picking receiving removing repackaging repairing replacing
    reserving retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing
    transporting unloading unpacking void_shipping
    """,
)
DISPOSITION = _cbv(
    "disposition",
    "epcis-disposition@1",
    "disp",
    "Disp",
    """
    active available completeness_inferred completeness_verified conformant container_closed container_open
    damaged destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class
    mismatch_instance mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other
    partially_dispensed recalled reserved retail_sold returned sellable_accessible sellable_not_accessible
    stolen unavailable unknown
    """,
)
TRANSACTION_TYPE = _cbv(
    "bizTransaction type",
    "epcis-biz-transaction@1",
    "btt",
    "BTT",
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
)
PARTY_TYPE = _cbv(
    "source or destination type", "epcis-party@1", "sdt", "SDT", "owning_party possessing_party location"
)
ERROR_REASON = _cbv(
    "errorDeclaration reason", "epcis-error-declaration@1", "er", "ER", "did_not_occur incorrect_data"
)
COMPONENT = _cbv(
    "sensor component",
    "epcis-sensor@1",
    "comp",
    "Comp",
    "x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing latitude "
    "longitude altitude",
)

_VOCABULARY = ("gs1:", "https://gs1.org/voc/", "https://www.gs1.org/voc/", "https://ref.gs1.org/voc/")
MEASUREMENT = Vocabulary(
    "sensor report type",
    "epcis-sensor@1",
    _VOCABULARY,
    word_list("""
        AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
        AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance
        Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity
        ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force
        Frequency Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance
        LuminousFlux LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass
        MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass
        MolarVolume Power Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance
        Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque
        Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber
        """),
)
ALERT = Vocabulary(
    "sensor report exception",
    "epcis-sensor@1",
    _VOCABULARY,
    frozenset({"ALARM_CONDITION", "ERROR_CONDITION"}),
)
ACTIONS = frozenset({"ADD", "OBSERVE", "DELETE"})
