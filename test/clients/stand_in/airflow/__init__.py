"""The classes of Airflow that examples use. They say nothing of Airflow itself."""
